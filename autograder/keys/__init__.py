"""Answer keys: how they are made, the public ones that learners have, the secret ones that decide."""
