"""The dossier: a review by hand, made from facts. It decides nothing; it lays the decision out."""
