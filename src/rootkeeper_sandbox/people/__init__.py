"""Pages for people: root sign-in, password recovery, mailbox, console."""
