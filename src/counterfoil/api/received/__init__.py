"""The Received dialect: `/auth` and `/api/{products,customers,entities,contracts,invoices,documents,usage}`."""
