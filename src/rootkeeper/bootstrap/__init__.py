"""The composition root: settings → adapters → services, each made on first use.

So a command pays only for what it uses: ``ledger verify`` opens no AWS client, and ``--help`` nothing at all. Nothing
else knows the adapters.
"""

from rootkeeper.bootstrap.application import Application, load_user_settings
from rootkeeper.bootstrap.remote_servers import connect_to_server, open_remote_server, open_stored_tokens

__all__ = ["Application", "connect_to_server", "load_user_settings", "open_remote_server", "open_stored_tokens"]
