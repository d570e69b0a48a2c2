"""Slices of a CT as DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def ct_slice(path: Path, number: int, pixels: np.ndarray) -> None:
    """Write a slice of a CT, 2.5 mm from the next one, with a rescale to Hounsfield units."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"1.2.3.{number + 1}"
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.9", "CT"
    dataset.FrameOfReferenceUID = "1.2.8"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelSpacing, dataset.SliceThickness = [0.75, 0.5], 2.5
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-10, -20, 100 + 2.5 * number]
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
