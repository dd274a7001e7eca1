"""Human evaluation: blind sheets and forms, the answers, and what can be concluded from them."""
