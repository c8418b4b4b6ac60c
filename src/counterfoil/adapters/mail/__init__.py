"""Mail: an SMTP server, and a fake that passes the same tests."""
