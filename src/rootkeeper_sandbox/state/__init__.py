"""The sandbox's state: accounts, credentials, the tree, policies, sessions and mail."""
