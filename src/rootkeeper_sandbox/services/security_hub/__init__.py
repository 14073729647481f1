"""Security Hub CSPM: the operations, the filters of GetFindings, and the required format of findings."""
