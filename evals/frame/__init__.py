"""What every evaluation shares: measures, intervals, reports and the gate. Knows no product."""
