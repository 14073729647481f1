"""Authorization of calls: identity policies, SCPs and RCPs, task policies, resource policies."""
