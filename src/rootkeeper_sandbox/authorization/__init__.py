"""Who may do what: identity policies, SCPs and RCPs, task policies, resource policies."""
