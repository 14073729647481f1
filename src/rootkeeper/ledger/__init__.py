"""The audit trail: entries, chain, append, verify, copies, account locks and fencing."""
