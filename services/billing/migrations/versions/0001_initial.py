"""Payments, refunds, provider events and the sandbox provider's own books."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_bus_tables()
    op.execute("""
        CREATE TABLE payment (
            id               uuid PRIMARY KEY,
            order_id         uuid NOT NULL,
            purpose          text NOT NULL DEFAULT 'order',
            customer_id      uuid NOT NULL,
            number           text NOT NULL,
            provider         text,
            method           text,
            amount           bigint NOT NULL,
            currency         text NOT NULL,
            status           text NOT NULL,
            captured         bigint NOT NULL DEFAULT 0,
            promised         bigint NOT NULL DEFAULT 0,
            refunded         bigint NOT NULL DEFAULT 0,
            reference        text,
            failure_code     text,
            failure_message  text,
            action_type      text,
            action_url       text,
            cancel_requested boolean NOT NULL DEFAULT false,
            attempts         integer NOT NULL DEFAULT 0,
            next_attempt_at  timestamptz,
            correlation_id   text NOT NULL,
            causation_id     text,
            traceparent      text,
            created_at       timestamptz NOT NULL,
            updated_at       timestamptz NOT NULL,
            CONSTRAINT payment_once UNIQUE (order_id, purpose),
            CONSTRAINT payment_amount CHECK (amount >= 0 AND captured >= 0),
            CONSTRAINT payment_refund_bounds CHECK (0 <= refunded AND refunded <= promised AND promised <= captured),
            CONSTRAINT payment_tombstone CHECK (provider IS NOT NULL OR status = 'cancelled'),
            CONSTRAINT payment_status CHECK (status IN ('pending', 'processing', 'unknown', 'action_required',
                'cancelled', 'failed', 'succeeded', 'partially_refunded', 'refunded'))
        );
        CREATE INDEX payment_due ON payment (provider, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
        CREATE INDEX payment_reference ON payment (reference) WHERE reference IS NOT NULL;
        CREATE INDEX payment_customer ON payment (customer_id, id);

        CREATE TABLE refund (
            id              uuid PRIMARY KEY,
            payment_id      uuid NOT NULL REFERENCES payment,
            cause           text NOT NULL,
            amount          bigint NOT NULL,
            reason          text NOT NULL,
            status          text NOT NULL,
            reference       text,
            failure_code    text,
            failure_message text,
            attempts        integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz,
            correlation_id  text NOT NULL,
            causation_id    text,
            traceparent     text,
            created_at      timestamptz NOT NULL,
            updated_at      timestamptz NOT NULL,
            CONSTRAINT refund_once UNIQUE (payment_id, cause),
            CONSTRAINT refund_amount CHECK (amount > 0),
            CONSTRAINT refund_status CHECK (status IN ('pending', 'succeeded', 'failed'))
        );
        CREATE INDEX refund_due ON refund (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

        CREATE TABLE provider_event (
            id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            provider        text NOT NULL,
            external_id     text NOT NULL,
            type            text NOT NULL,
            payload         bytea NOT NULL,
            received_at     timestamptz NOT NULL,
            attempts        integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz,
            result          text,
            CONSTRAINT provider_event_once UNIQUE (provider, external_id)
        );
        CREATE INDEX provider_event_due ON provider_event (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

        CREATE TABLE sandbox_charge (
            idempotency_key uuid PRIMARY KEY,
            behaviour       text NOT NULL,
            amount          bigint NOT NULL,
            currency        text NOT NULL,
            state           text NOT NULL,
            captured        bigint NOT NULL DEFAULT 0,
            refunded        bigint NOT NULL DEFAULT 0,
            asked           integer NOT NULL DEFAULT 1,
            created_at      timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT sandbox_charge_bounds CHECK (0 <= refunded AND refunded <= captured AND captured <= amount),
            CONSTRAINT sandbox_charge_state CHECK (state IN ('processing', 'action_required', 'captured', 'declined',
                'cancelled'))
        );

        CREATE TABLE sandbox_refund (
            idempotency_key uuid PRIMARY KEY,
            charge          uuid NOT NULL REFERENCES sandbox_charge,
            amount          bigint NOT NULL,
            CONSTRAINT sandbox_refund_amount CHECK (amount > 0)
        );
    """)
