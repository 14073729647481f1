"""The adapters to chat, mail and webhooks."""
