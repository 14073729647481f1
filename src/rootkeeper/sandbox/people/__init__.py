"""The sandbox for people: pages to sign in as a root user, to recover a password, to read mail, and a small console.

Plain HTML that needs no script. What a signed-in root user does goes through the same authorization as API calls, and
every step of signing in leaves its CloudTrail event.
"""
