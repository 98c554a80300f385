//! Files written whole, digests, random streams, progress, tasks and small linear algebra: what every crate of pleura stands on.
