Traffic=traffic=None
