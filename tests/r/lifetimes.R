# Parametric fits of the lung cancer data as whole-day intervals: exp(intercept), 1/scale, scale, log-likelihood.
library(survival)
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
lung <- read.csv(gzfile(file.path(folder, "ref_lung.csv.gz")))
dead <- lung$status == 2
interval <- Surv(ifelse(dead, lung$time, lung$time + 1), ifelse(dead, lung$time + 1, NA), type = "interval2")
names <- c(exponential = "exponential", weibull = "weibull", log_logistic = "loglogistic", log_normal = "lognormal")
figures <- lapply(names, function(dist) {
  fit <- survreg(interval ~ 1, dist = dist, control = survreg.control(rel.tolerance = 1e-12, maxiter = 100))
  c(unname(exp(coef(fit))), 1 / fit$scale, fit$scale, fit$loglik[1])
})
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
