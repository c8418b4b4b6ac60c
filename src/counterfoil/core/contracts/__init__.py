"""What was agreed: terms, versions and amendments, the billing calendar they imply."""
