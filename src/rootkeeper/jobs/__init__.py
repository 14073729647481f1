"""Jobs: long work that can be interrupted and resumed."""
