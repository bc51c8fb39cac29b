"""From a Performance to sound: small trained networks drive exact oscillators and shaped noise."""
