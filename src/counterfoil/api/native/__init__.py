"""The native dialect, `/v1`: resources in our own words, problems by RFC 9457."""
