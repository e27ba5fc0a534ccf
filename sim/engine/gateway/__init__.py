"""The gateway: queues before the replicas, routers, routes between backends, managed backends."""
