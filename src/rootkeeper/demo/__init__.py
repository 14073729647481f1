"""The users and the guided story of ``rootkeeper demo``, which its server and its commands share."""
