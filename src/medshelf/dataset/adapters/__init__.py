"""A dataset in the form that other libraries read: torch, MONAI, TorchIO, Hugging Face."""
