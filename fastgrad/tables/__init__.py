"""Models of tables: from any table to a good network, its predictions and its scores."""
