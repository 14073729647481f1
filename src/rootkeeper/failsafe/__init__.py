"""The failsafe: the delegated administrator's root login, drills, break-glass."""
