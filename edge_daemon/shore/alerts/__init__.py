"""Who is warned of what: rules that look at each arrival, a log of alerts, and a durable queue of deliveries."""
