"""Security Hub CSPM: the operations, the filters of GetFindings, and what a finding must have."""
