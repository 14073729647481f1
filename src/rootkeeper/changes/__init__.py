"""The one mechanism by which anything in AWS is changed: intent, one call, re-read, outcome."""
