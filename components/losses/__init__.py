"""Losses of critics and actors, which derive from `CriticLoss` and `ActorLoss` in `protocols`."""
