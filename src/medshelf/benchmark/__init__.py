"""Protocols, models, training, official metrics, runs, leaderboard."""
