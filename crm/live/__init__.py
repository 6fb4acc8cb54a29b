"""The live lists and regions of the CRM, a file per table. Importing them registers them."""

from crm.live import acquisitions, customers, interactions, products, timeline

__all__ = ["acquisitions", "customers", "interactions", "products", "timeline"]
