"""What the use cases need from the outside, one Protocol file per need."""
