"""The CRM's kinds have a history, and what is done to them can be undone."""

from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from realtime.live.tracked import track

track(PRODUCT)
track(CUSTOMER)
track(ACQUISITION)
track(INTERACTION)
