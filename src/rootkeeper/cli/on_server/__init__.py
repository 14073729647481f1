"""What commands do through a Rootkeeper server: no AWS credentials, no database."""
