# Cox regression with Efron's ties, its concordance, its tests of proportional hazards, and the same model before and
# after a day: R, package survival. Usage: Rscript cox.R FOLDER   (the reference data); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))
exact <- coxph.control(eps = 1e-12, iter.max = 50, toler.chol = 1e-13)

told <- function(formula, data) {
  fit <- coxph(formula, data = data, ties = "efron", control = exact)
  list(terms = names(coef(fit)), coefficient = unname(coef(fit)), error = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik,
       ratio_test = 2 * diff(fit$loglik), concordance = unname(fit$concordance["concordance"]),
       concordance_error = unname(fit$concordance["std"]))
}
proportional <- function(formula, data, terms = FALSE) {
  environment(formula) <- environment()  # cox.zph looks for `data` where the formula was written
  fit <- coxph(formula, data = data, ties = "efron", control = exact)
  tests <- lapply(c(identity = "identity", log = "log", km = "km", rank = "rank"), function(transform) {
    table <- cox.zph(fit, transform = transform, terms = terms)$table
    list(chi2 = unname(table[, "chisq"]), df = unname(table[, "df"]), p = unname(table[, "p"]))
  })
  named <- if (terms) rownames(cox.zph(fit)$table) else c(names(coef(fit)), "GLOBAL")
  c(list(terms = named), tests)
}
parted <- function(formula, data, day) {
  parts <- survSplit(formula, data = data, cut = day, episode = "part", start = "begin", end = "end", event = "left")
  again <- update(formula, Surv(begin, end, left) ~ .)
  list(day = day, early = told(again, parts[parts$part == 1, ]), late = told(again, parts[parts$part == 2, ]))
}

lung <- read("ref_lung")
rossi <- read("ref_rossi")
heart <- read("ref_heart")
veteran <- read("ref_veteran")
veteran$celltype <- relevel(factor(veteran$celltype), "smallcell")
veteran$trt <- factor(veteran$trt)

ever <- do.call(rbind, lapply(split(heart, heart$id), function(one) data.frame(
  stop = max(one$stop), event = max(one$event), age = one$age[1], surgery = one$surgery[1], ever = max(one$transplant))))

courses <- read("oulad_courses")
student <- merge(merge(read("oulad_student_registration"), courses), read("oulad_student_info"))
student$length <- student$module_presentation_length
student$left <- !is.na(student$date_unregistration) & student$date_unregistration <= student$length
student$day <- ifelse(student$left, student$date_unregistration, student$length)
student$entry <- pmax(student$date_registration, 0)
student <- student[!is.na(student$entry) & student$day > student$entry, ]
levels <- function(column) relevel(factor(column), names(sort(-table(column)))[1])
for (name in c("gender", "highest_education", "age_band", "disability", "code_module"))
  student[[name]] <- levels(student[[name]])
model <- ~ gender + highest_education + age_band + disability + code_module

rearrest <- Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio
figures <- list(
  rossi = told(rearrest, rossi),
  rossi_proportional = proportional(rearrest, rossi),
  rossi_parted = parted(rearrest, rossi, 26),
  lung = told(Surv(time, status == 2) ~ sex + age, lung),
  veteran = told(Surv(time, status) ~ trt + celltype + karno, veteran),
  veteran_proportional = proportional(Surv(time, status) ~ trt + celltype + karno, veteran),
  veteran_terms = proportional(Surv(time, status) ~ trt + celltype + karno, veteran, terms = TRUE),
  heart_delayed_proportional = proportional(Surv(start, stop, event) ~ age + surgery + transplant, heart),
  students_delayed_terms = proportional(update(model, Surv(entry, day, left) ~ .), student, terms = TRUE),
  heart_delayed = told(Surv(start, stop, event) ~ age + surgery + transplant, heart),
  heart_trap = told(Surv(stop, event) ~ age + surgery + ever, ever),
  students = told(update(model, Surv(day, left) ~ .), student),
  students_delayed = told(update(model, Surv(entry, day, left) ~ .), student)
)
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
