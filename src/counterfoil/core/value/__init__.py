"""What an event was worth to the customer: value models in versions, and the delivered value of events under one."""
