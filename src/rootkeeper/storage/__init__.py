"""Everything that is kept: ledger, locks, inventory, recovery windows, exceptions. All SQL is here."""
