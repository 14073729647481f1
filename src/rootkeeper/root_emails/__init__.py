"""Root e-mail addresses: inventory, attestation, change."""
