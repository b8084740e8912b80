-- What is spent on paid models, a row a day, in billionths of a dollar. Includes what is set aside
-- for calls under way; a call that nobody settles counts as spent in full.
CREATE TABLE model_spend (
    day date PRIMARY KEY,
    held_nano_usd bigint NOT NULL
);
CREATE TABLE model_reservations (
    reservation_id uuid PRIMARY KEY,
    day date NOT NULL REFERENCES model_spend,
    nano_usd bigint NOT NULL
);
