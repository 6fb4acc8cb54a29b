"""The live lists and regions of the CRM: a file per table, and one for the dashboard. Importing them registers them."""

from crm.live import acquisitions, customers, figures, history, interactions, products, timeline

__all__ = ["acquisitions", "customers", "figures", "history", "interactions", "products", "timeline"]
