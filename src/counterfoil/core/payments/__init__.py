"""Payments, prepaid balances, dunning."""
