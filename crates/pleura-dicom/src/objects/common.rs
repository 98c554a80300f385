//! The attributes that all objects share: patient and study, series, equipment, references to the film.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::codes::{self, Concept};
use super::data_set::DataSet;
use super::film::FilmReference;
use super::model::ModelIdentity;
use super::moment::{Moment, OFFSET};
use super::settings::Settings;
use super::text::{cs, lo};
use super::uid::uid;
use super::{Answer, Kind};

/// Manufacturer, model and content creator.
pub(super) const PLEURA: &str = "pleura";
/// Its version.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that an object depends on.
pub(super) struct Maker<'a> {
    pub(super) film: &'a FilmReference,
    pub(super) answer: &'a Answer,
    pub(super) model: &'a ModelIdentity,
    pub(super) settings: &'a Settings,
    pub(super) moment: &'a Moment,
    settings_digest: String,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        film: &'a FilmReference,
        answer: &'a Answer,
        model: &'a ModelIdentity,
        settings: &'a Settings,
        moment: &'a Moment,
    ) -> Self {
        Self {
            film,
            answer,
            model,
            settings,
            moment,
            settings_digest: settings.digest(),
        }
    }

    fn root(&self) -> Option<&str> {
        self.settings.root.as_deref()
    }

    /// A UID of something about this film: an instance, a tracked finding, a frame of reference.
    pub(super) fn uid(&self, kind: &str) -> String {
        let film = self.film;
        uid(
            self.root(),
            &[
                kind,
                film.sop_instance(),
                film.digest(),
                &self.model.digest,
                &self.settings_digest,
            ],
        )
    }

    /// The SOP Instance UID of an object; `part` tells several of a kind apart.
    pub(super) fn instance(&self, kind: Kind, part: &str) -> String {
        self.uid(&format!("instance {} {part}", kind.name()))
    }

    /// The Series Instance UID of a kind: one for all films of a study.
    pub(super) fn series(&self, kind: Kind) -> String {
        let kind = format!("series {}", kind.name());
        let parts = [
            &kind,
            self.film.study(),
            &self.model.digest,
            &self.settings_digest,
        ];
        uid(self.root(), &parts)
    }

    /// The UID of the model: another for each package.
    fn model_uid(&self) -> String {
        uid(self.root(), &["model", &self.model.digest])
    }

    /// The UID of this program on this machine.
    pub(super) fn device_uid(&self) -> String {
        uid(self.root(), &["device", &self.settings.station])
    }

    /// Patient, study, series, equipment and the model: what every object begins with.
    pub(super) fn object(&self, kind: Kind, part: &str, number: usize) -> DataSet {
        let mut set = self.film.patient_and_study();
        let created = &self.moment.created;
        set.put(tags::SOP_CLASS_UID, kind.sop_class());
        set.put(tags::SOP_INSTANCE_UID, self.instance(kind, part));
        set.put(tags::INSTANCE_CREATION_DATE, &created.date);
        set.put(tags::INSTANCE_CREATION_TIME, &created.time);
        set.put(tags::TIMEZONE_OFFSET_FROM_UTC, OFFSET);
        set.put(tags::MODALITY, kind.modality());
        set.put(tags::SERIES_INSTANCE_UID, self.series(kind));
        let numbers = &self.settings.series;
        let series = match kind {
            Kind::SecondaryCapture => numbers.secondary_capture,
            Kind::PresentationState => numbers.presentation_state,
            Kind::ParametricMap => numbers.parametric_map,
            Kind::Report => numbers.report,
        };
        set.put(tags::SERIES_NUMBER, series.to_string());
        set.put(tags::SERIES_DESCRIPTION, kind.description());
        set.put(tags::INSTANCE_NUMBER, number.to_string());
        if kind != Kind::Report {
            let part = self.film.text(tags::BODY_PART_EXAMINED).map(cs);
            let part = part.filter(|part| !part.is_empty());
            set.put(
                tags::BODY_PART_EXAMINED,
                part.unwrap_or_else(|| "CHEST".to_owned()),
            );
        }
        set.put(tags::MANUFACTURER, PLEURA);
        set.put(tags::MANUFACTURER_MODEL_NAME, PLEURA);
        set.put(tags::STATION_NAME, &self.settings.station);
        set.put(tags::DEVICE_SERIAL_NUMBER, &self.settings.station);
        set.put(
            tags::SOFTWARE_VERSIONS,
            format!("{VERSION}\\{}", self.model.short_digest()),
        );
        set.item(tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, self.contributing());
        set
    }

    fn contributing(&self) -> DataSet {
        let mut item = DataSet::default();
        item.item(
            tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
            codes::item(codes::PROCESSING_EQUIPMENT),
        );
        item.put(tags::MANUFACTURER, PLEURA);
        item.put(tags::MANUFACTURER_MODEL_NAME, lo(&self.model.name));
        let version = match self.model.version.as_str() {
            "" => self.model.short_digest(),
            version => lo(version),
        };
        item.put(tags::SOFTWARE_VERSIONS, version);
        item.put(tags::DEVICE_UID, self.model_uid());
        item.put(tags::CONTRIBUTION_DATE_TIME, self.moment.created.both());
        item.put(
            tags::CONTRIBUTION_DESCRIPTION,
            "Classification of a chest film, with the relevance of its pixels",
        );
        item
    }

    /// The item that refers to the film.
    pub(super) fn film_reference(&self) -> DataSet {
        reference(self.film.sop_class(), self.film.sop_instance())
    }

    /// The film as the source of a picture or map.
    pub(super) fn source_image(&self) -> DataSet {
        let mut item = self.film_reference();
        let purpose = codes::item(codes::SOURCE_IMAGE);
        item.item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, purpose);
        item
    }

    /// A referenced series with the film, under the tag of its instances.
    pub(super) fn film_series(&self, instances: Tag) -> DataSet {
        let mut item = DataSet::default();
        item.put(tags::SERIES_INSTANCE_UID, self.film.series());
        item.item(instances, self.film_reference());
        item
    }

    /// Lossy compression: a film that was lossy stays so in all that is made of it.
    pub(super) fn lossy(&self, set: &mut DataSet) {
        let lossy = self.film.text(tags::LOSSY_IMAGE_COMPRESSION) == Some("01");
        set.put(tags::LOSSY_IMAGE_COMPRESSION, if lossy { "01" } else { "00" });
        if lossy {
            for tag in [
                tags::LOSSY_IMAGE_COMPRESSION_RATIO,
                tags::LOSSY_IMAGE_COMPRESSION_METHOD,
            ] {
                if let Some(value) = self.film.text(tag) {
                    set.put(tag, value);
                }
            }
        }
    }

    /// A short name of the model for texts: name and digest.
    pub(super) fn model_words(&self) -> String {
        format!("{} {}", self.model.name, self.model.short_digest())
    }

    /// The version of the model with its digest.
    pub(super) fn model_version(&self) -> String {
        match self.model.version.as_str() {
            "" => self.model.short_digest(),
            version => format!("{version}+{}", self.model.short_digest()),
        }
    }
}

/// Content label, description and creator.
pub(super) fn content(set: &mut DataSet, label: &str, description: &str) {
    set.put(tags::CONTENT_LABEL, label);
    set.put(tags::CONTENT_DESCRIPTION, lo(description));
    set.put(tags::CONTENT_CREATOR_NAME, "pleura^");
}

/// A reference to an instance.
pub(super) fn reference(class: &str, instance: &str) -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::REFERENCED_SOP_CLASS_UID, class);
    item.put(tags::REFERENCED_SOP_INSTANCE_UID, instance);
    item
}

/// The items of one code each.
pub(super) fn coded(concept: Concept) -> Vec<DataSet> {
    vec![codes::item(concept)]
}
