"""Reads the objects of a folder with pydicom and highdicom and compares them with the film and with raw numbers.

Usage: read_back.py FOLDER CASE
"""
import json
import pathlib
import sys

import highdicom
import numpy as np
import pydicom

NAMES = {
    "latin1": "Müller^Phantom",
    "utf8": "Wang^XiaoDong=王^小东",
    "japanese": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "kana": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    "arabic": "قباني^لنزار",
    "turkish": None,  # pydicom itself decides
    "greek": "Διονυσιος",
    "undeclared": None,
}
COPIED = [
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate",
    "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "StudyInstanceUID", "StudyID",
]

folder, case = pathlib.Path(sys.argv[1]), sys.argv[2]
film = pydicom.dcmread(folder / "film.dcm")
objects = {}
for path in sorted(folder.glob("*.*.dcm")):
    objects.setdefault(path.name.split(".")[-2], []).append(path)
assert sorted(objects) == ["pm", "pr", "sc", "sr"], objects
assert len(objects["sc"]) == 2

for path in (path for paths in objects.values() for path in paths):
    ds = pydicom.dcmread(path)
    for keyword in COPIED:
        assert str(ds.get(keyword)) == str(film.get(keyword)), (path, keyword)
    if NAMES[case] is not None:
        assert str(ds.PatientName) == NAMES[case], (str(ds.PatientName), NAMES[case])
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    # Written again by pydicom, with defined lengths: the same bytes of the data set.
    ds.walk(lambda d, e: setattr(e, "is_undefined_length", False))

scores = json.loads((folder / "scores.json").read_text())
probabilities = {s["finding"]: s for s in scores}

# The structured report, by highdicom.
sr = highdicom.sr.srread(objects["sr"][0])
assert isinstance(sr, highdicom.sr.Comprehensive3DSR)
groups = sr.content.get_image_measurement_groups()
assert len(groups) == len(scores) + 1, len(groups)
seen = set()
for group in groups:
    if group.tracking_identifier not in probabilities:
        assert group.finding_type.scheme_designator == "99PLEURA" and group.finding_type.value == "fit"
        values = {m.name.value: m.value for m in group.get_measurements()}
        assert values == {"layout": 1.25, "layout-limit": 3.0, "tones": 2.5, "tones-limit": 5.5}, values
        continue
    score = probabilities[group.tracking_identifier]
    seen.add(group.tracking_identifier)
    values = {m.name.value: m.value for m in group.get_measurements()}
    assert abs(values["122157"] - score["probability"]) < 1e-5
    if score["threshold"] is None:
        assert "threshold" not in values
    else:
        assert abs(values["threshold"] - score["threshold"]) < 1e-5
    calls = [q.value.value for q in group.get_qualitative_evaluations() if q.name.value == "121052"]
    assert calls == ([] if score["present"] is None else ["121053" if score["present"] else "121054"]), calls
    if group.tracking_identifier == "Pneumonia":
        assert group.finding_type.value == "233604007" and group.finding_type.meaning == "Pneumonia"
        assert [s.value.value for s in group.finding_sites] == ["39607008"]
assert seen == set(probabilities)

# The pictures and the relevance, by pydicom.
pictures = (folder / "pictures.rgb").read_bytes()
read = {}
for path in objects["sc"]:
    ds = pydicom.dcmread(path)
    read[int(ds.InstanceNumber)] = ds.pixel_array.tobytes()
assert b"".join(read[k] for k in sorted(read)) == pictures
pm = pydicom.dcmread(objects["pm"][0])
relevance = np.fromfile(folder / "relevance.f32", "<f4")
assert pm.pixel_array.dtype == np.float32
assert np.array_equal(pm.pixel_array.reshape(-1), relevance)
mapping = pm.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
assert mapping.DoubleFloatRealWorldValueFirstValueMapped == min(0.0, float(relevance.min()))
assert mapping.DoubleFloatRealWorldValueLastValueMapped == max(0.0, float(relevance.max()))

# The presentation state: half of the positive relevance lies inside the lines, within the smoothing.
pr = pydicom.dcmread(objects["pr"][0])
assert pr.PresentationLUTShape == "IDENTITY"
voi = pr.SoftcopyVOILUTSequence[0]
assert (voi.WindowCenter, voi.WindowWidth) == (2048, 4096)
for annotation in pr.GraphicAnnotationSequence:
    for graphic in annotation.get("GraphicObjectSequence", []):
        points = np.array(graphic.GraphicData).reshape(-1, 2)
        assert len(points) == graphic.NumberOfGraphicPoints and (points[0] == points[-1]).all()
        assert (points >= 0).all() and (points <= [film.Columns, film.Rows]).all()
print("ok")
