"""What a platform asks of a person: accounts, agreements, credentials."""
