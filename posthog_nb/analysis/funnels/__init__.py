"""The HogQL of funnels, from the inside out: options, events, the way of each person, the frame."""
