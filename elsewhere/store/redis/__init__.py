"""The store on a Redis or Valkey server."""

from elsewhere.store.redis.store import RedisStore

__all__ = ["RedisStore"]
