"""Networks on chips: trained in whole numbers, put there, looked at and run again."""
