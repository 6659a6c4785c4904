"""What auth itself keeps about a person, without what only proves who they are."""

ACCOUNT = """
SELECT id, email, username, role, first_name, last_name, phone, birth_date, address, city, pincode, language, time_zone,
       is_active, email_confirmed, max_messages_per_day, created_at, updated_at
FROM account WHERE id = $1
"""
SESSIONS = """
SELECT id, device_id, device_name, address, user_agent, created_at, seen_at, expires_at, ended_at, end_reason
FROM session WHERE account_id = $1 ORDER BY created_at DESC
"""
DEVICES = """
SELECT id, name, address, user_agent, first_seen_at, seen_at FROM device WHERE account_id = $1 ORDER BY seen_at DESC
"""
API_KEYS = """
SELECT id, public_id, name, scopes, ip_allow, daily_limit, created_at, expires_at, last_used_at, revoked_at
FROM api_key WHERE account_id = $1 ORDER BY id DESC
"""
SECOND_FACTOR = "SELECT 'totp' AS kind, created_at, confirmed_at FROM totp WHERE account_id = $1"
LETTERS = """
SELECT purpose, address, created_at, expires_at, verified_at, used_at
FROM one_time_code WHERE account_id = $1 ORDER BY created_at DESC
"""
INTEREST = """
SELECT interest.email, interest.first_name, interest.last_name, interest.created_at
FROM pre_registration AS interest JOIN account ON account.email = interest.email WHERE account.id = $1
"""
TRAIL = """
SELECT at, action, outcome, address, user_agent, request_id, detail FROM audit WHERE account_id = $1 ORDER BY id DESC
"""
PASSKEYS = """
SELECT id, name, transports, is_synced, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY id DESC
"""
IDENTITIES = """
SELECT id, provider, issuer, subject, email, created_at, last_used_at
FROM identity WHERE account_id = $1 ORDER BY id DESC
"""
EXPORTS = "SELECT id, created_at FROM export WHERE account_id = $1 ORDER BY id DESC"

KINDS = {
    "account": ACCOUNT,
    "sessions": SESSIONS,
    "devices": DEVICES,
    "api_keys": API_KEYS,
    "second_factor": SECOND_FACTOR,
    "passkeys": PASSKEYS,
    "identities": IDENTITIES,
    "letters": LETTERS,
    "pre_registration": INTEREST,
    "audit": TRAIL,
    "exports": EXPORTS,
}
