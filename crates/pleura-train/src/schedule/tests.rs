use super::*;
use crate::golden::{assert_close, golden, numbers};
use pleura_run::recipe::WarmUp;

#[test]
fn twenty_steps_are_torchs() {
    for (name, recipe) in [
        (
            "step",
            ScheduleRecipe::Step {
                every: 2,
                factor: 0.3,
                warm_up: None,
            },
        ),
        (
            "cosine",
            ScheduleRecipe::Cosine {
                floor: 0.05,
                warm_up: None,
            },
        ),
        (
            "warm cosine",
            ScheduleRecipe::Cosine {
                floor: 0.0,
                warm_up: Some(WarmUp {
                    epochs: 1.5,
                    from: 0.1,
                }),
            },
        ),
        (
            "warm constant",
            ScheduleRecipe::Constant {
                warm_up: Some(WarmUp {
                    epochs: 1.0,
                    from: 0.25,
                }),
            },
        ),
    ] {
        let schedule = Schedule::new(recipe, 5, 4);
        let factors: Vec<f64> = (0..20).map(|step| schedule.factor(step)).collect();
        assert_close(&factors, &numbers(&golden(&["schedules", name])), 1e-9);
    }
}

#[test]
fn a_cosine_ends_at_its_floor_and_stays() {
    let schedule = Schedule::new(
        ScheduleRecipe::Cosine {
            floor: 0.25,
            warm_up: None,
        },
        2,
        10,
    );
    assert!((schedule.factor(20) - 0.25).abs() < 1e-12);
    assert_eq!(schedule.factor(20), schedule.factor(500));
}
