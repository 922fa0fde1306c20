# Time to churn by the first long silence, from CDNOW's purchases, written out in base R: R, package survival.
# Usage: Rscript churn.R FOLDER   (the folder that holds cdnow_master.txt.gz); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
bought <- read.table(gzfile(file.path(folder, "cdnow_master.txt.gz")), skip = 1, col.names = c("user", "day", "n", "value"))
bought <- unique(data.frame(user = bought$user, day = as.integer(as.Date(as.character(bought$day), "%Y%m%d"))))
bought <- bought[order(bought$user, bought$day), ]
days <- c(0, 7, 30, 60, 90, 120, 150, 180, 210, 240)

# A gap longer than tau, or a last day at least tau before the end, is churn on the last day before it; everybody else is
# watched until tau days before the end, and who first bought after that is not classified.
lives <- function(end, tau) {
  log <- bought[bought$day <= end, ]
  gap <- c(diff(log$day), NA)
  gap[c(log$user[-1] != log$user[-nrow(log)], TRUE)] <- NA
  long <- ifelse(is.na(gap), end - log$day >= tau, gap > tau)
  first <- tapply(log$day, log$user, min)
  churn <- tapply(ifelse(long, log$day, NA), log$user, function(day) if (all(is.na(day))) NA else min(day, na.rm = TRUE))
  time <- ifelse(is.na(churn), end - tau, churn) - first
  rows <- data.frame(time = as.vector(time), churned = as.vector(!is.na(churn)))
  rows[first <= end - tau, ]
}
told <- function(end, tau) {
  rows <- lives(as.integer(as.Date(end)), tau)
  at <- summary(survfit(Surv(time, churned) ~ 1, data = rows, conf.type = "log-log"), times = days)
  list(end = end, tau = tau, users = nrow(rows), churned = sum(rows$churned), days = at$time, at_risk = at$n.risk,
       share = at$surv, error = at$std.err, low = at$lower, high = at$upper)
}
figures <- list(quarter = told("1997-12-31", 90), month = told("1997-12-31", 28), all = told("1998-06-30", 120))
cat(toJSON(figures, digits = 17, auto_unbox = TRUE, na = "null"))
