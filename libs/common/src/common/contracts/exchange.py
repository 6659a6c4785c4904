"""The exchange that every event is published to: part of the contract with subscribers."""

from faststream.rabbit import ExchangeType, RabbitExchange

UNROUTED = "dukan.unrouted"

EVENTS = RabbitExchange(
    "dukan.events", type=ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": UNROUTED}
)
