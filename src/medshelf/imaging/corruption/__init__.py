"""Corruptions: pictures as a worse machine, hand or archive would have given them."""
